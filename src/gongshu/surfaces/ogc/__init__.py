"""OGC API - Features (Part 1: Core, OGC 17-069r4; Part 2: Coordinate Reference Systems by Reference, OGC 18-058r1).

Every dataset whose rows have a place is a collection: points of two columns, or shapes. Answers are GeoJSON.
"""
