"""GANs as records, the plugins that bring them, and the recipes they become."""
