"""What a file may ask of the reader, in one place: beyond these a file is refused, so that no file can fill memory or disk.

The figures are engineering choices, not law: far above what a department's table needs, far below what harms a server.
"""

MAX_COLUMNS = 2_000  # columns of a table
MAX_RECORD_BYTES = 16 * 1024**2  # one record of a delimited file or JSON Lines, as UTF-8 or as stored
MAX_CELL_CHARS = 4 * 1024**2  # characters of a cell in a sheet or JSON value
MAX_JSON_BYTES = 128 * 1024**2  # a JSON document is held in memory whole (JSON Lines are not)
MAX_JSON_DEPTH = 64  # nesting of a JSON document
MAX_SHEETS = 200  # sheets of a workbook
MAX_UNPACKED_BYTES = 2 * 1024**3  # what a zip or XLSX may unpack to
MAX_UNPACK_RATIO = 200  # unpacked / packed, of an archive above RATIO_FREE_BYTES
RATIO_FREE_BYTES = 32 * 1024**2  # a small archive may have any ratio
MAX_ARCHIVE_MEMBERS = 10_000
MAX_KEPT_QUARANTINED = 10_000  # quarantined entries kept with their text; the total is always right
MAX_KEPT_SKIPPED = 10_000
QUARANTINED_TEXT_CHARS = 500  # a quarantined record is kept up to this length
ROW_GROUP_ROWS = 122_880  # as many as DuckDB's own, which takes them over as they are instead of dealing the rows anew
HEAD_ROWS = 200  # records looked at to find titles and headers
TAIL_ROWS = 50  # records held back to find totals and footnotes at the end
MAX_SHEET_CELLS = (
    24_000_000  # rows x columns of a sheet's used area (a full sheet of 1,048,576 rows has 22 columns then)
)
