"""The stability laboratory: how a game moves near the place where it should come to rest."""
