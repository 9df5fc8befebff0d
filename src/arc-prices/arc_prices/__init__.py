"""What a model call costs, in US dollars, from the price list of `genai-prices`.

The user's process and Arc Core both reckon with this, so that a call costs the same whoever prices it.
"""

from arc_prices._hosts import charges
from arc_prices._prices import Cost, PriceList

__all__ = ["Cost", "PriceList", "charges"]
