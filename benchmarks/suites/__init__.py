"""One module per suite; each has ``cases(quick)``, a generator of finished cases."""
