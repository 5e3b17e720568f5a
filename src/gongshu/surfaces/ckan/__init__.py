"""CKAN's Action API, reading part, so that what was written for a CKAN works here: ckanapi, frictionless, harvesters, QGIS.

Behaviour as in CKAN 2.12 (docs.ckan.org, "API guide"): the envelope, the kinds of errors, the names of parameters and results.
Writing goes through the approvals of this platform, so the actions that write answer 403.
"""
