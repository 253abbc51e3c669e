"""Who leads in model quality: records over time, leads and lags, lead changes, outlook, and what runs where."""
