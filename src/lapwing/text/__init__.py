"""How text becomes search terms, and readable words."""
