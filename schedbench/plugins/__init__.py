"""The scheduling plugins, one file each: what they prepare, kernels, reasons."""
