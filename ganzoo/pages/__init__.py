"""Files for people: demo pages, reports, model cards and previews. Pages are single files without network access."""
