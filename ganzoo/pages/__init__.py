"""Files for people: demo pages, reports, model cards and previews; and sliders in notebooks.

Pages are single files without network access.
"""
