"""What plugins are made of: networks, losses, games, optimizers."""
