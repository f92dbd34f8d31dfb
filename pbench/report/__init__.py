"""Stage 4: from score files to tables, charts and one folder that people look at."""
