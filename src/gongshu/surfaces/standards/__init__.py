"""The catalogue in the standards that other software reads, under addresses of their own: RDF, JSON documents, sitemaps, feeds."""
