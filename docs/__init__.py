"""What makes a site of these pages, beside mkdocs.yml: `make docs`.

hook          what MkDocs calls: adds pages, rewrites links, refuses what a page would load from elsewhere
repository    links into the repository, and a page of each file that is linked
reference/    the reference: pages written from registries, schema and parsers whenever the site is made
"""
