/** Parquet files on disk as rows. */
export { type ParquetColumns, parquetColumns, type ParquetRow, parquetRows } from "./rows.ts";
