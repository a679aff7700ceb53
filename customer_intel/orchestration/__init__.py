"""The only Dagster code: tables become gated assets, and the night is one job over them."""

import warnings

import dagster as dg

# Backfill policies are "beta" in 1.13 (2026-11); a warning per asset would bury the night's own
# messages.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
