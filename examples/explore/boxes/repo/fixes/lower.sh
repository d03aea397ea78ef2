# Small letters, and no more.
sed -i 's/title.replace/title.lower().replace/' slug.py
