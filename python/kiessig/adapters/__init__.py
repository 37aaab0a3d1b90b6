"""kiessig inside other programs: one module per host, each imported by name and importing its host when first used."""
