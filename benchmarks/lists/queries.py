"""Requests to each list with values from the data: common and rare values, deep pages, searches."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from benchmarks.common.servers import Servers

FILTER, RANGE, KEYSET, SEARCH = 2.0, 2.5, 1.2, 6.0
FIRST_PAGE = "first page"

Asked = tuple[str, str, float | None]
"""Parameters, their description, and the bound."""


class Query(NamedTuple):
    """A request to a list. `bound` is the highest cost, in first pages of the same list; None without a target."""

    resource: str
    what: str
    parameters: str = ""
    bound: float | None = None

    def path(self, page: int) -> str:
        return f"/{self.resource}?limit={page}" + (f"&{self.parameters}" if self.parameters else "")


class Data:
    """Values and statistics of one database."""

    def __init__(self, servers: Servers, database: str) -> None:
        self.servers, self.database = servers, database

    def one(self, sql: str) -> Any:
        return self.servers.query(sql, database=self.database)[0][0]

    def row(self, table: str, share: float) -> int:
        """Return the `id_key` at this share of the table: this share of the rows has no greater key."""
        return int(self.one(f"SELECT percentile_disc({share}) WITHIN GROUP (ORDER BY id_key) FROM {table}"))

    def value(self, table: str, column: str, share: float) -> str:
        value = self.one(f"SELECT percentile_disc({share}) WITHIN GROUP (ORDER BY {column}) FROM {table}")
        return quote(value.isoformat() if hasattr(value, "isoformat") else str(value))

    def share(self, table: str, condition: str) -> float:
        """Return the share of rows that meet the condition, 0 to 1."""
        return float(self.one(f"SELECT avg(({condition})::integer) FROM {table}"))

    def count(self, table: str) -> int:
        return int(self.one(f"SELECT count(*) FROM {table}"))

    def word(self, table: str, words: str, share: float) -> str:
        """Return the value of the SQL expression `words` whose frequency is nearest to `share`."""
        nearest = f"abs(count(*) - {share} * (SELECT count(*) FROM {table}))"
        return str(self.one(f"SELECT {words} FROM {table} GROUP BY 1 ORDER BY {nearest}, 1 LIMIT 1"))

    def typical(self, table: str, column: str) -> int:
        """Return the value with the median number of rows."""
        return int(self.one(f"""
                WITH sizes AS (SELECT {column} AS value, count(*) AS size FROM {table} GROUP BY 1)
                SELECT value FROM sizes ORDER BY size, value OFFSET (SELECT count(*) / 2 FROM sizes) LIMIT 1
            """))


def every_query(data: Data) -> list[Query]:
    return [*products(data), *clients(data), *orders(data), *others(data)]


def products(data: Data) -> list[Query]:
    category, deep = data.typical("products", "category_id"), data.row("products", 0.9)
    middle, high, low = (data.value("products", "price", share) for share in (0.5, 0.999, 0.001))
    lowest = data.one("SELECT min(price) FROM products")
    shares = [data.share("products", f"price <= {price}") for price in (lowest, low)]
    asked = [
        ("", FIRST_PAGE, None),
        (f"after_id={deep}", "after_id, at 90 % of the rows", KEYSET),
        (f"skip={int(data.count('products') * 0.9)}", "skip, at 90 % of the rows", None),
        (f"category_id={category}", "category_id", FILTER),
        (f"min_price={middle}", "min_price, upper half", RANGE),
        (f"min_price={high}", "min_price, highest 0.1 %", RANGE),
        (f"max_price={middle}", "max_price, lower half", RANGE),
        (f"max_price={lowest}", f"max_price, lowest {shares[0]:.2%}", RANGE),
        (f"max_price={low}", f"max_price, lowest {shares[1]:.2%}", RANGE),
        (f"min_price={middle}&max_price={middle}", "min_price = max_price", RANGE),
        ("min_price=9999999", "min_price, none found", RANGE),
        ("in_stock=true", "in_stock=true", FILTER),
        ("in_stock=false", "in_stock=false", FILTER),
        (f"category_id={category}&in_stock=true&min_price={middle}", "category_id, in_stock, min_price", RANGE),
        *searches(data, category, deep),
        *((f"sort={sort}", f"sort={sort}", FILTER) for sort in ("price", "-price", "name", "-name", "stock", "-stock")),
        ("sort=-id_key", "sort=-id_key", FILTER),
        (f"sort=-id_key&after_id={data.row('products', 0.1)}", "sort=-id_key, after_id, at 10 % of the rows", KEYSET),
        (f"category_id={category}&sort=-price", "category_id, sort=-price", FILTER),
        (f"category_id={category}&sort=price", "category_id, sort=price", FILTER),
        (f"category_id={category}&sort=name", "category_id, sort=name", None),
        (f"category_id={category}&after_id={deep}", "category_id, after_id", FILTER),
        (f"category_id={category}&sort=-id_key&after_id={deep}", "category_id, sort=-id_key, after_id", FILTER),
        ("count=true", "count=true", None),
        (f"category_id={category}&count=true", "category_id, count=true", None),
    ]
    return [Query("products", what, parameters, bound) for parameters, what, bound in asked]


def accented(word: str) -> str:
    return word.translate(str.maketrans("aeiou", "áéíóú"))


def found(words: Sequence[str]) -> Asked:
    text = " ".join(words)
    return f"q={quote(text)}", f"q={text}", SEARCH


def searches(data: Data, category: int, deep: int) -> list[Asked]:
    """Return the searches for products. A product's name begins with the maker and the item and ends with its color."""
    maker, item, *_, color = data.one(f"SELECT name FROM products WHERE id_key = {data.row('products', 0.5)}").split()
    rarer = data.word("products", "split_part(name, ' ', 1)", 0.001)
    return [
        (f"q={item}", f"q={item} (common)", SEARCH),
        (f"q={maker}", f"q={maker} (a maker)", SEARCH),
        (f"q={rarer}", f"q={rarer} (0.1 % of the names)", SEARCH),
        (f"q={rarer}&after_id={deep}", f"q={rarer}, after_id", SEARCH),
        (f"q={maker}%20{item}", f"q={maker} {item} (rare)", SEARCH),
        *(found(words) for words in ([item, maker], [color, maker, item], [maker, item, color], [item, color])),
        *(found([*map(accented, words)]) for words in ([item], [maker, item], [maker, item, color])),
        (f"q={maker}%20{item[0]}", f"q={maker} {item[0]} (as one types)", SEARCH),
        ("q=qqqqq", "q=qqqqq (none found)", SEARCH),
        (f"q={item[:3]}", f"q={item[:3]} (three letters)", SEARCH),
        (f"q={item[:2]}", f"q={item[:2]} (two letters)", None),
        (f"q={item}&category_id={category}", f"q={item}, category_id", SEARCH),
        (f"q={item}&sort=-price", f"q={item}, sort=-price", None),
    ]


def clients(data: Data) -> list[Query]:
    middle = data.row("clients", 0.5)
    email = data.one(f"SELECT email FROM clients WHERE id_key = {middle}")
    names = [(share, data.word("clients", "lastname", share)) for share in (0.02, 0.003, 0.001)]
    both = data.one(f"SELECT name || ' ' || lastname FROM clients WHERE id_key = {middle}").split()
    asked = [
        ("", FIRST_PAGE, None),
        (f"after_id={data.row('clients', 0.9)}", "after_id, at 90 % of the rows", KEYSET),
        (f"email={quote(email)}", "email", FILTER),
        *((f"q={quote(name)}", f"q={name} ({share:.1%} of the last names)", SEARCH) for share, name in names),
        *(found(words) for words in (both, both[::-1], [*map(accented, both)])),
        ("q=qqqqq", "q=qqqqq (none found)", SEARCH),
        *((f"sort={sort}", f"sort={sort}", FILTER) for sort in ("name", "-name", "lastname", "-lastname")),
        ("count=true", "count=true", None),
    ]
    return [Query("clients", what, parameters, bound) for parameters, what, bound in asked]


def orders(data: Data) -> list[Query]:
    first, late, last = (data.value("orders", "date", share) for share in (0.01, 0.9, 0.99))
    client = data.typical("orders", "client_id")
    asked = [
        ("", FIRST_PAGE, None),
        (f"after_id={data.row('orders', 0.9)}", "after_id, at 90 % of the rows", KEYSET),
        (f"client_id={client}", "client_id", FILTER),
        (f"bill_id={data.row('bills', 0.9)}", "bill_id", FILTER),
        *((f"status={status}", f"status={status}", FILTER) for status in (1, 2, 3, 4)),
        *((f"delivery_method={method}", f"delivery_method={method}", FILTER) for method in (1, 2, 3)),
        (f"date_from={last}", "date_from, last 1 %", RANGE),
        (f"date_from={late}", "date_from, last 10 %", None),
        (f"status=1&date_from={last}", "status=1, date_from, last 1 %", RANGE),
        (f"date_to={first}", "date_to, first 1 %", RANGE),
        (f"date_from={first}&date_to={last}", "date_from, date_to", RANGE),
        ("sort=date", "sort=date", FILTER),
        ("sort=-date", "sort=-date", FILTER),
        ("status=3&sort=-date", "status=3, sort=-date", FILTER),
        (f"client_id={client}&sort=-date", "client_id, sort=-date", FILTER),
        ("count=true", "count=true", None),
    ]
    return [Query("orders", what, parameters, bound) for parameters, what, bound in asked]


def others(data: Data) -> list[Query]:
    city = quote(data.one(f"SELECT city FROM addresses WHERE id_key = {data.row('addresses', 0.5)}"))
    last, product = data.value("bills", "date", 0.99), data.typical("reviews", "product_id")
    asked = [
        ("addresses", "", FIRST_PAGE, None),
        ("addresses", f"client_id={data.typical('addresses', 'client_id')}", "client_id", FILTER),
        ("addresses", f"city={city}", "city", FILTER),
        ("order_details", "", FIRST_PAGE, None),
        ("order_details", f"order_id={data.row('orders', 0.9)}", "order_id", FILTER),
        ("order_details", f"product_id={data.typical('order_details', 'product_id')}", "product_id", FILTER),
        ("bills", "", FIRST_PAGE, None),
        ("bills", "payment_type=cash", "payment_type", FILTER),
        ("bills", f"date_from={last}", "date_from, last 1 %", RANGE),
        ("bills", "sort=-date", "sort=-date", FILTER),
        ("reviews", "", FIRST_PAGE, None),
        ("reviews", f"product_id={product}", "product_id", FILTER),
        ("reviews", "min_rating=5", "min_rating=5", RANGE),
        ("reviews", "max_rating=1", "max_rating=1", RANGE),
        ("reviews", "sort=-rating", "sort=-rating", None),
        ("categories", "", FIRST_PAGE, None),
        ("categories", "q=garden", "q=garden", None),
    ]
    return [Query(resource, what, parameters, bound) for resource, parameters, what, bound in asked]
