"""The models, as clients look them up; open to everybody."""
