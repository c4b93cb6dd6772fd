"""Every post of X, as it comes: the three lines of a Kafka consumer, which remember where they were.

python examples/s4_consumer.py
"""

import lapwing

for post in lapwing.consume("raw.x", group="s4"):
    print(post.created_at, post.author_name or post.author, post.text)
