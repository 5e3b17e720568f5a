"""公输市 Gongshu City: a fictional city for the demonstration. Every row is synthetic unless a dataset says otherwise."""
