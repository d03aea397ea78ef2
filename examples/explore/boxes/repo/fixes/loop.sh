# Takes spaces together, and never ends.
cat > slug.py <<'PY'
def slug(title):
    while "" in title:
        title = title.replace("  ", " ")
    return title.replace(" ", "-").lower()
PY
