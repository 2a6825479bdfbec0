"""How free text is coded: rules, prototypes, a judge, and how far each agrees with people's labels."""
