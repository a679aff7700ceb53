"""Small exports of shops that are read by API: a handful of orders each, whose sums are worked out
by hand in test_vendor_figures.py. The shape is the vendor's; the people are made up.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from customer_intel_tests.unit.vendor_samples import Sample, lines, sample


def _woo(number: int, status: str, total: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "parent_id": 0, "status": status, "currency": "EUR", "version": "9.1.0",
        "prices_include_tax": False, "date_created": f"2026-06-{number - 690:02}T23:30:00",
        "date_modified": f"2026-06-{number - 690:02}T23:40:00", "discount_total": "0.00", "discount_tax": "0.00",
        "shipping_total": "0.00", "shipping_tax": "0.00", "cart_tax": "0.00", "total": total, "total_tax": "0.00",
        "customer_id": 31, "order_key": "wc_order_a1", "billing": {
            "first_name": "Ilse", "last_name": "Brandt", "company": "", "address_1": "Am Wall 3", "address_2": "",
            "city": "Bremen", "state": "", "postcode": "28195", "country": "DE", "email": "ilse@brandt.example",
            "phone": "+49 421 555",
        },
        "shipping": {"first_name": "Ilse", "last_name": "Brandt", "address_1": "Am Wall 3", "city": "Bremen"},
        "payment_method": "bacs", "customer_ip_address": "203.0.113.9", "created_via": "checkout",
        "number": str(number),
        "line_items": [], "coupon_lines": [], "refunds": [], "currency_symbol": "€",
        "date_created_gmt": f"2026-06-{number - 690:02}T21:30:00",
        "date_modified_gmt": f"2026-06-{number - 690:02}T21:40:00", **more,
    }  # fmt: skip


def _woo_line(number: int, name: str, quantity: int, subtotal: str, total: str) -> dict[str, Any]:
    return {
        "id": number, "name": name, "product_id": number + 40, "variation_id": 0, "quantity": quantity,
        "tax_class": "", "subtotal": subtotal, "subtotal_tax": "0.00", "total": total, "total_tax": "0.00",
        "sku": f"SKU-{number}", "price": float(total) / quantity,
    }  # fmt: skip


WOO_ORDERS = lines(
    # 60.00 of goods - 6.00 + 5.00 shipping + 11.21 tax; 10.00 of it given back
    _woo(
        701, "completed", "70.21", discount_total="6.00", shipping_total="5.00", total_tax="11.21",
        line_items=[_woo_line(1, "Teapot", 1, "40.00", "36.00"), _woo_line(2, "Cup", 4, "20.00", "18.00")],
        coupon_lines=[{"id": 5, "code": "tenoff", "discount": "6.00"}],
        refunds=[{"id": 801, "reason": "chipped", "total": "-4.00"}, {"id": 802, "reason": "", "total": "-6.00"}],
    ),
    _woo(
        702, "processing", "24.00", customer_id=0, total_tax="4.00", line_items=[_woo_line(3, "Tea", 2, "20.00",
        "20.00")],
        billing={"first_name": "Ruth", "last_name": "Okoro", "email": "ruth@okoro.example", "phone": ""},
    ),
    _woo(703, "refunded", "30.00", refunds=[{"id": 803, "reason": "late", "total": "-30.00"}]),
    _woo(704, "on-hold", "99.00"),
    _woo(705, "failed", "45.00"),
    _woo(706, "trash", "12.00"),
)  # fmt: skip
WOO_REFUNDS = lines(
    {"id": 801, "parent_id": 701, "date_created": "2026-06-15T10:00:00", "date_created_gmt": "2026-06-15T08:00:00",
     "amount": "4.00", "reason": "chipped"},
    {"id": 802, "parent_id": 701, "date_created": "2026-06-16T10:00:00", "date_created_gmt": "2026-06-16T08:00:00",
     "amount": "6.00", "reason": ""},
    {"id": 803, "parent_id": 703, "date_created": "2026-06-17T10:00:00", "date_created_gmt": "2026-06-17T08:00:00",
     "amount": "30.00", "reason": "late"},
)  # fmt: skip
WOO_CUSTOMERS = lines(
    {"id": 31, "date_created": "2025-03-01T11:00:00", "date_created_gmt": "2025-03-01T10:00:00",
     "date_modified": "2026-06-01T11:00:00", "date_modified_gmt": "2026-06-01T09:00:00",
     "email": "ilse@brandt.example", "first_name": "Ilse", "last_name": "Brandt", "role": "customer",
     "username": "ilse", "billing": {"address_1": "Am Wall 3", "address_2": "", "city": "Bremen", "postcode": "28195",
     "country": "DE", "phone": "+49 421 555"}, "shipping": {}, "is_paying_customer": True, "avatar_url": "https://x"},
    {"id": 1, "date_created": "2024-01-01T11:00:00", "date_created_gmt": "2024-01-01T10:00:00",
     "date_modified": None, "date_modified_gmt": None, "email": "shop@shop.example", "first_name": "", "last_name": "",
     "role": "administrator", "username": "boss", "billing": {}, "shipping": {}},
)  # fmt: skip
WOO_PRODUCTS = lines(
    {"id": 41, "name": "Teapot", "slug": "teapot", "type": "simple", "status": "publish", "sku": "SKU-1",
     "price": "40.00", "regular_price": "45.00", "sale_price": "40.00", "on_sale": True,
     "categories": [{"id": 9, "name": "Pots", "slug": "pots"}], "description": "<p>Holds tea</p>"},
)  # fmt: skip


def _magento(number: int, state: str, total: float, **more: Any) -> dict[str, Any]:
    return {
        "entity_id": number, "increment_id": f"00000{number}", "state": state, "status": state, "store_name": "Main",
        "created_at": f"2026-06-{number - 1990:02} 22:15:00", "updated_at": f"2026-06-{number - 1990:02} 23:15:00",
        "customer_id": 7, "customer_email": "wei@chen.example", "customer_is_guest": 0, "order_currency_code": "USD",
        "base_currency_code": "USD", "subtotal": total, "discount_amount": 0, "tax_amount": 0, "shipping_amount": 0,
        "grand_total": total, "base_grand_total": total, "remote_ip": "203.0.113.9", "billing_address": {
            "firstname": "Wei", "lastname": "Chen", "street": ["5 Pine St", "Apt 2"], "city": "Seattle",
            "region": "Washington", "postcode": "98101", "country_id": "US", "telephone": "+1 206 555 0101",
        }, **more,
    }  # fmt: skip


MAGENTO_ORDERS = lines(
    # 50.00 of goods - 5.00 + 4.50 tax + 7.00 shipping
    _magento(
        2001, "complete", 56.5, subtotal=50, discount_amount=-5, tax_amount=4.5, shipping_amount=7, coupon_code="FIVE"
    ),
    _magento(2002, "complete", 40, total_refunded=12),
    _magento(2003, "closed", 20, total_refunded=20),
    _magento(2004, "new", 15),
    _magento(2005, "holded", 16),
    _magento(2006, "canceled", 17),
    _magento(
        2007, "processing", 33, customer_id=None, customer_is_guest=1, customer_email="guest@sun.example"
    ),
)  # fmt: skip
_ITEM = {
    "order_id": 2001,
    "product_id": 71,
    "sku": "MUG-RED",
    "name": "Mug",
    "tax_amount": 4.5,
    "qty_refunded": 0,
}
MAGENTO_ITEMS = lines(
    {**_ITEM, "item_id": 1, "product_type": "configurable", "qty_ordered": 2, "price": 25, "row_total": 50,
     "discount_amount": 5, "amount_refunded": 0},
    {**_ITEM, "item_id": 2, "product_type": "simple", "product_id": 72, "qty_ordered": 2, "price": 0, "row_total": 0,
     "discount_amount": 0, "amount_refunded": 0, "parent_item_id": 1},
    {**_ITEM, "item_id": 3, "order_id": 2002, "product_type": "simple", "qty_ordered": 1, "price": 40, "row_total": 40,
     "discount_amount": 0, "amount_refunded": 12, "qty_refunded": 1},
)  # fmt: skip
MAGENTO_CUSTOMERS = lines(
    {"id": 7, "group_id": 1, "created_at": "2025-01-02 03:04:05", "updated_at": "2026-05-01 00:00:00",
     "email": "wei@chen.example", "firstname": "Wei", "lastname": "Chen", "gender": 2, "dob": "1990-04-05",
     "store_id": 1, "website_id": 1, "addresses": [{"id": 3, "customer_id": 7, "region": {"region_code": "WA",
     "region": "Washington", "region_id": 62}, "country_id": "US", "street": ["5 Pine St", "Apt 2"],
     "telephone": "+1 206 555 0101", "postcode": "98101", "city": "Seattle", "default_billing": True}]},
)  # fmt: skip
MAGENTO_PRODUCTS = lines(
    {"id": 71, "sku": "MUG-RED", "name": "Mug", "attribute_set_id": 4, "price": 25, "status": 1, "visibility": 4,
     "type_id": "configurable", "created_at": "2025-01-02 03:04:05", "updated_at": "2025-01-02 03:04:05",
     "custom_attributes": [{"attribute_code": "url_key", "value": "mug"}, {"attribute_code": "cost",
     "value": "9.500000"}]},
)  # fmt: skip


def _big(number: int, status: str, total: str, **more: Any) -> dict[str, Any]:
    day = date(2026, 6, number - 90).strftime("%a, %d %b %Y")
    return {
        "id": number, "customer_id": 55, "date_created": f"{day} 23:35:28 +0000",
        "date_modified": f"{day} 23:57:46 +0000", "date_shipped": "", "status_id": 11,
        "status": status, "subtotal_ex_tax": total, "subtotal_inc_tax": total, "subtotal_tax": "0.0000",
        "base_shipping_cost": "0.0000", "shipping_cost_ex_tax": "0.0000", "shipping_cost_inc_tax": "0.0000",
        "total_ex_tax": total, "total_inc_tax": total, "total_tax": "0.0000", "items_total": 1,
        "payment_method": "Manual", "payment_status": "captured", "refunded_amount": "0.0000",
        "ip_address": "203.0.113.9", "geoip_country": "Canada", "currency_code": "CAD", "discount_amount": "0.0000",
        "coupon_discount": "0.0000", "is_deleted": False, "order_source": "www", "billing_address": {
            "first_name": "Noor", "last_name": "Haddad", "street_1": "8 King St", "street_2": "", "city": "Toronto",
            "state": "Ontario", "zip": "M5H 1A1", "country": "Canada", "country_iso2": "CA", "phone": "",
            "email": "noor@haddad.example",
        }, **more,
    }  # fmt: skip


BIG_ORDERS = lines(
    # 50.00 of goods - 4.00 - 1.00 coupon + 3.76 tax + 15.00 shipping
    _big(
        100, "Awaiting Fulfillment", "63.7600", subtotal_ex_tax="50.0000", discount_amount="4.0000",
        coupon_discount="1.0000", total_tax="3.7600", shipping_cost_ex_tax="15.0000",
    ),
    _big(101, "Partially Refunded", "100.0000", refunded_amount="25.0000"),
    _big(102, "Refunded", "30.0000", refunded_amount="30.0000"),
    _big(103, "Incomplete", "81.0000"),
    _big(104, "Cancelled", "82.0000"),
    _big(105, "Awaiting Payment", "83.0000", customer_id=0, billing_address={"email": "guest@moon.example"}),
    _big(106, "Completed", "500.0000", is_deleted=True),
)  # fmt: skip
BIG_LINES = lines(
    {"id": 11, "order_id": 100, "product_id": 81, "variant_id": 5, "name": "Lamp", "sku": "LMP", "quantity": 2,
     "price_ex_tax": "25.0000", "total_ex_tax": "50.0000", "total_tax": "3.7600", "quantity_refunded": 0,
     "refund_amount": "0.0000", "brand": "Glow"},
    {"id": 12, "order_id": 101, "product_id": 0, "variant_id": 0, "name": "Gift wrap", "sku": "", "quantity": 4,
     "price_ex_tax": "25.0000", "total_ex_tax": "100.0000", "total_tax": "0.0000", "quantity_refunded": 1,
     "refund_amount": "25.0000", "brand": ""},
)  # fmt: skip
BIG_CUSTOMERS = lines(
    {"id": 55, "email": "noor@haddad.example", "first_name": "Noor", "last_name": "Haddad", "company": "",
     "phone": "", "registration_ip_address": "203.0.113.9", "notes": "", "customer_group_id": 2,
     "date_created": "2025-09-01T10:00:00Z", "date_modified": "2026-02-01T10:00:00Z",
     "authentication": {"force_password_reset": False}},
)  # fmt: skip
BIG_PRODUCTS = lines(
    {"id": 81, "name": "Lamp", "type": "physical", "sku": "LMP", "description": "<p>Bright</p>", "price": 25,
     "cost_price": 11.5, "retail_price": 30, "categories": [23], "brand_id": 4, "availability": "available",
     "is_visible": True},
)  # fmt: skip

SHOPS: tuple[Sample, ...] = (
    sample("woocommerce_orders", "woocommerce", "woocommerce-orders.jsonl", WOO_ORDERS),
    sample("woocommerce_order_lines", "woocommerce", "woocommerce-orders.jsonl", WOO_ORDERS),
    sample("woocommerce_refunds", "woocommerce", "woocommerce-refunds.jsonl", WOO_REFUNDS),
    sample("woocommerce_customers", "woocommerce", "woocommerce-customers.jsonl", WOO_CUSTOMERS),
    sample("woocommerce_products", "woocommerce", "woocommerce-products.jsonl", WOO_PRODUCTS),
    sample("magento_orders", "magento", "magento-orders.jsonl", MAGENTO_ORDERS),
    sample("magento_order_lines", "magento", "magento-order-items.jsonl", MAGENTO_ITEMS),
    sample("magento_customers", "magento", "magento-customers.jsonl", MAGENTO_CUSTOMERS),
    sample("magento_products", "magento", "magento-products.jsonl", MAGENTO_PRODUCTS),
    sample("bigcommerce_orders", "bigcommerce", "bigcommerce-orders.jsonl", BIG_ORDERS),
    sample("bigcommerce_order_lines", "bigcommerce", "bigcommerce-order_products.jsonl", BIG_LINES),
    sample("bigcommerce_customers", "bigcommerce", "bigcommerce-customers.jsonl", BIG_CUSTOMERS),
    sample("bigcommerce_products", "bigcommerce", "bigcommerce-products.jsonl", BIG_PRODUCTS),
)
