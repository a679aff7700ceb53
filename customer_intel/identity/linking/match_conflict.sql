-- Grain: one row per pair of records that are two customers, whatever else they share.
-- Meaning: something contradicts (or a person decided) where their evidence would otherwise join them.
-- Caveats: pairs that nothing brings near each other are not listed.
SELECT record_key_a, record_key_b, veto AS reason, identifier_type, weight
FROM match_edge
WHERE veto IS NOT NULL AND (weight >= -2 OR veto = 'never_merge')
