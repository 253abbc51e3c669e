"""Published claims, each computed again from the catalog: what our figure is, and on which basis the claim holds."""
