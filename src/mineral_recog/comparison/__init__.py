"""Many runs side by side: planning and making them, tables, plots and a page."""
