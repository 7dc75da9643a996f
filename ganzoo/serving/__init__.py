"""A generator as an HTTP service: :func:`ganzoo.serving.app.application`, run by ``ganzoo serve``."""
