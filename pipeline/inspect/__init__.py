"""Looking at documents and datasets: colours, highlights, one HTML page."""
