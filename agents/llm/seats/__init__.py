"""Who is asked: the policy that puts language models on seats, what they remember and are told, and how fields read."""
