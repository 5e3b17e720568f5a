"""Asking a version's rows: the words of a question, its SQL, its answer, and how it is answered over HTTP.

``grammar`` reads a question, ``statements`` makes SQL of it, ``answers`` runs it, ``service`` says it in HTTP.
"""
