"""GANs as records, the plugins that register them, and the recipes that they are trained by."""
