"""How pages and plots look: templates in two languages, fonts, colours and axes."""
