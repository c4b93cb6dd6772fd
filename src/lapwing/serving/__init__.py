"""How it is asked: the HTTP API, who may use it, and what is live."""
