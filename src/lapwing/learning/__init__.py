"""How the classifier of emergencies is trained and measured: frames in, weights and numbers out."""
