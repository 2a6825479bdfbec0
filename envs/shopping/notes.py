"""What is no mistake and should be known: more or fewer customers than the data hold."""


def notes(users: int, orders: int | None, rows: int | None) -> list[str]:
    """Sentences for the user.

    Args:
        users: Customers of a world.
        orders: Orders of the market, or None without one.
        rows: Rows of the table of customers, or None without one.
    """
    told = []
    if orders is not None and orders != users:
        often = f"each is placed {users / orders:.3g} times on average" if users > orders else "some are not placed"
        told.append(
            f"the market has {orders:,} orders and there are {users:,} customers, so {often}; totals and "
            f"benchmark/* are of {users:,} orders. For each order once, leave out population.size, or say {orders}"
        )
    if rows is not None and rows != users:
        often = "rows are used in turn, more than once" if users > rows else "some rows are not used"
        told.append(
            f"the table of customers has {rows:,} rows and there are {users:,} customers, so {often}. For each row "
            f"once, leave out population.size, or say {rows}"
        )
    return told
