"""Floor 1a: Iceberg tables, serving copies and the engines that read them."""
