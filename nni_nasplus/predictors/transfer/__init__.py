"""What earlier searches say of a new one: a model for each of them, and how far each is to be believed."""
