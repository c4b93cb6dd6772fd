"""From flagged posts to happenings: grouping, burst, states, severity, evidence. Pure; `engine/incidents.py` drives it."""
