"""Goes on with a run of the Revela playground on stock transformers, PEFT and accelerate."""
