-- Grain: one row per currency of the exports' amounts, and one for the reporting currency.
-- Meaning: which currency sums are told in, and why: set in company.yaml, the only one, or the one most amounts are
--   in (of equally many USD, then EUR, then by name).
-- Caveats: n_amounts counts orders, subscriptions, payments and invoices alike.
WITH amount AS (
    SELECT upper(trim(currency)) AS currency, count(*) AS n FROM orders GROUP BY upper(trim(currency))
    UNION ALL
    SELECT upper(trim(currency)), count(*) FROM subscriptions GROUP BY upper(trim(currency))
    UNION ALL
    SELECT upper(trim(currency)), count(*) FROM payments GROUP BY upper(trim(currency))
    UNION ALL
    SELECT upper(trim(currency)), count(*) FROM invoices GROUP BY upper(trim(currency))
    UNION ALL
    SELECT upper($reporting_currency), 0 WHERE $reporting_currency <> 'auto'
),
used AS (
    SELECT currency, sum(n) AS n_amounts
    FROM amount
    WHERE currency IS NOT NULL
    GROUP BY currency
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            ORDER BY n_amounts DESC, CASE currency WHEN 'USD' THEN 1 WHEN 'EUR' THEN 2 ELSE 3 END, currency
        ) AS place,
        count(*) OVER () AS n_currencies
    FROM used
)
SELECT
    currency,
    CAST(n_amounts AS BIGINT) AS n_amounts,
    CASE WHEN $reporting_currency <> 'auto' THEN currency = upper($reporting_currency) ELSE place = 1 END AS is_reporting,
    CASE
        WHEN $reporting_currency <> 'auto' THEN 'setting'
        WHEN n_currencies = 1 THEN 'only_currency'
        ELSE 'most_amounts'
    END AS reporting_basis
FROM ranked
