"""What everybody needs who talks to other hosts: which addresses are public, when a host wants to be asked again."""
