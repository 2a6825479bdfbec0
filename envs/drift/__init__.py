"""Dishonesty drift: assistants that learn from the ratings of users, some of whom like to be told what is not so."""
