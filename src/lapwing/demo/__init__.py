"""A city evening that never was: people, posts and two emergencies, made from a seed, with the truth beside them."""

from lapwing.demo.recording import generate, write_recording
from lapwing.demo.scene import Options
from lapwing.demo.stream import posts
from lapwing.demo.truth import Truth

__all__ = ["Options", "Truth", "generate", "posts", "write_recording"]
