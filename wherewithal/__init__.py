"""What AI can you run with the chips, power and money you can get? The public names, nothing else."""

__version__ = "0.1.0"
