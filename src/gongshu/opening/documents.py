"""Descriptions as JSON: DCAT-US 1.1, schema.org, Croissant 1.0, and Frictionless data packages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gongshu.opening.described import EN, ZH, Described, File, Words

US_TYPE = "https://project-open-data.cio.gov/v1.1/"
# storage type -> (Table Schema type, Croissant data type)
TYPES = {
    "int64": ("integer", "sc:Integer"),
    "float64": ("number", "sc:Float"),
    "decimal": ("number", "sc:Float"),
    "boolean": ("boolean", "sc:Boolean"),
    "date": ("date", "sc:Date"),
    "timestamp": ("datetime", "sc:Date"),
    "time": ("time", "sc:Text"),
    "geometry": ("geojson", "sc:Text"),
}
CROISSANT = {
    "@language": "zh",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "equivalentProperty": "cr:equivalentProperty",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def data_json(site: str, datasets: Iterable[Described]) -> dict[str, Any]:
    """The catalogue in DCAT-US 1.1 (Project Open Data metadata schema)."""
    return {
        "@context": f"{US_TYPE}schema/catalog.jsonld",
        "@id": f"{site}/data.json",
        "@type": "dcat:Catalog",
        "conformsTo": f"{US_TYPE}schema",
        "describedBy": f"{US_TYPE}schema/catalog.json",
        "dataset": [_us_dataset(one) for one in datasets],
    }


def _us_dataset(one: Described) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": "dcat:Dataset",
        "title": one.title[ZH],
        "description": one.summary[ZH],
        "keyword": one.keywords or [one.topic.entry.get("zh", one.topic.key)],
        "modified": one.modified.isoformat(),
        "issued": one.issued.isoformat(),
        "publisher": {"@type": "org:Organization", "name": one.publisher.name},
        # no address of a person is given out: a question goes through the form, which keeps a clock on its answer
        "contactPoint": {"@type": "vcard:Contact", "fn": one.publisher.name, "hasURL": one.feedback_url},
        "identifier": one.url,
        "accessLevel": "public",
        "license": one.licence_url,
        "language": ["zh-Hans"],
        "landingPage": one.url,
        "theme": [str(one.topic.entry.get("zh", one.topic.key))],
        "distribution": [
            {
                "@type": "dcat:Distribution",
                "title": file.label,
                "downloadURL": file.url,
                "mediaType": file.media_type,
                "format": file.label,
            }
            for file in one.files
        ]
        + [{"@type": "dcat:Distribution", "title": "API", "accessURL": one.api_url, "format": "API", "describedBy": one.openapi_url, "describedByType": "application/vnd.oai.openapi+json"}],
    }  # fmt: skip
    if interval := one.frequency.entry.get("iso"):
        found["accrualPeriodicity"] = interval
    if one.box:
        found["spatial"] = ",".join(f"{end:g}" for end in one.box)
    if one.period:
        found["temporal"] = "/".join(one.period)
    return found


def schema_org(one: Described) -> dict[str, Any]:
    """The dataset for search engines (schema.org Dataset)."""
    found: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": one.url,
        "url": one.url,
        "name": one.title[ZH],
        "alternateName": one.title.get(EN) or one.name,
        "description": _long(one.summary, one.title),
        "identifier": one.name,
        "version": str(one.version),
        "keywords": one.keywords,
        "inLanguage": "zh-Hans",
        "isAccessibleForFree": True,
        "license": one.licence_url,
        "datePublished": one.issued.isoformat(),
        "dateModified": one.modified.isoformat(),
        "creator": {"@type": "Organization" if one.given else "GovernmentOrganization", "name": one.publisher.name, "url": one.publisher_url},
        "publisher": {"@type": "Organization" if one.given else "GovernmentOrganization", "name": one.publisher.name, "url": one.publisher_url},
        "variableMeasured": [
            {"@type": "PropertyValue", "name": column["name"], "description": column.get("description") or column.get("title") or column["name"]}
            for column in one.columns
        ],
        "distribution": [_download(file) for file in one.files],
    }  # fmt: skip
    if one.box:
        west, south, east, north = one.box
        shape = {"@type": "GeoShape", "box": f"{south} {west} {north} {east}"}
        found["spatialCoverage"] = {"@type": "Place", "geo": shape}
    if one.period:
        found["temporalCoverage"] = "/".join(one.period)
    return found


def _download(file: File) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": "DataDownload",
        "name": file.label,
        "encodingFormat": file.media_type,
        "contentUrl": file.url,
    }
    if file.size is not None:
        found["contentSize"] = f"{file.size} B"
    if file.sha256:
        found["sha256"] = file.sha256
    return found


def _long(summary: Words, title: Words) -> str:
    """Search engines want 50 characters at least: both languages then, and the title."""
    text = "\n".join(filter(None, (summary[ZH], summary.get(EN, ""))))
    return text if len(text) >= 50 else f"{title[ZH]}：{text} {title.get(EN, '')}".ljust(50)


def croissant(one: Described) -> dict[str, Any]:
    """The dataset for machine learning (Croissant 1.0, MLCommons): its CSV file, and its rows as a record set."""
    file = next(each for each in one.files if each.key == "csv")
    source: dict[str, Any] = {
        "@type": "cr:FileObject",
        "@id": "rows.csv",
        "name": "rows.csv",
        "description": f"{one.title[ZH]} · CSV",
        "contentUrl": file.url,
        "encodingFormat": "text/csv",
    }
    if file.size is not None:
        source |= {"contentSize": f"{file.size} B", "sha256": file.sha256}
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"rows/{column['name']}",
            "name": f"rows/{column['name']}",
            "description": column.get("description") or column.get("title") or column["name"],
            "dataType": TYPES.get(column["storage_type"], ("string", "sc:Text"))[1],
            "source": {"fileObject": {"@id": "rows.csv"}, "extract": {"column": column["name"]}},
        }
        for column in one.columns
    ]
    records: dict[str, Any] = {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields}
    if one.key:
        records["key"] = [{"@id": f"rows/{name}"} for name in one.key]
    return {
        "@context": CROISSANT,
        "@type": "sc:Dataset",
        "name": one.name,
        "alternateName": one.title[ZH],
        "description": one.summary[ZH],
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": one.licence_url,
        "url": one.url,
        "version": f"{one.version}.0.0",
        "datePublished": one.modified.date().isoformat(),
        "creator": {"@type": "sc:Organization", "name": one.publisher.name, "url": one.publisher_url},
        "citeAs": f"{one.publisher.name}：《{one.title[ZH]}》，第 {one.version} 版，{one.modified.year}。{one.url}",
        "keywords": one.keywords,
        "isLiveDataset": not file.sha256,
        "distribution": [source],
        "recordSet": [records],
    }


def datapackage(one: Described) -> dict[str, Any]:
    """The dataset as a data package (Frictionless, Data Package 1.0): the CSV file with its table schema."""
    resources = []
    for file in one.files:
        if file.key not in ("csv", "xlsx"):
            continue
        resource: dict[str, Any] = {
            "name": f"{one.name}-{file.key}",
            "title": f"{one.title[ZH]} · {file.label}",
            "path": file.url,
            "format": file.key,
            "mediatype": file.media_type,
            "profile": "tabular-data-resource",
            "schema": _table_schema(one, file.key),
        }
        if file.key == "csv":
            resource |= {"encoding": "utf-8-sig", "dialect": {"delimiter": ",", "quoteChar": '"', "doubleQuote": True}}
        if file.size is not None:
            resource |= {"bytes": file.size, "hash": f"sha256:{file.sha256}"}
        resources.append(resource)
    return {
        "profile": "tabular-data-package",
        "name": one.name,
        "id": one.url,
        "title": one.title[ZH],
        "description": one.summary[ZH],
        "homepage": one.url,
        "version": f"{one.version}.0.0",
        "created": one.modified.isoformat(),
        "keywords": one.keywords,
        "licenses": [{"title": str(one.licence.entry.get("zh", one.licence.key)), "path": one.licence_url}],
        "contributors": [{"title": one.publisher.name, "path": one.publisher_url, "role": "publisher"}],
        "sources": [{"title": one.source_note}] if one.source_note else [],
        "resources": resources,
    }


def _table_schema(one: Described, kind: str) -> dict[str, Any]:
    fields = []
    for column in one.columns:
        field: dict[str, Any] = {
            "name": column["name"],
            "type": TYPES.get(column["storage_type"], ("string", ""))[0],
            "title": column.get("title") or column["name"],
        }
        if column["storage_type"] in ("timestamp", "time"):
            field["format"] = "any"
        if column.get("description"):
            field["description"] = column["description"]
        fields.append(field)
    found: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    if one.key:
        found["primaryKey"] = one.key
    return found
