"""What people look at: pages, reports, cards, previews; one file each, that asks nobody for anything."""
