"""Pulumi components for AWS: tables and buckets, and a platform that builds and serves Next.js sites.

Every component takes a `ResourceScope`, which holds the name prefix, the retention of data and the tags:

    scope = ResourceScope(prefix="notes-dev", retain=False)
    files = RetainedBucket("files", RetainedBucketArgs(scope=scope))
"""

from components.aws.api import HttpApi, HttpApiArgs
from components.aws.bucket import CorsRule, RetainedBucket, RetainedBucketArgs
from components.aws.function import PythonFunction, PythonFunctionArgs, StreamBatchSettings
from components.aws.identity import UserIdentity
from components.aws.keys import EncryptionKey, EncryptionKeyArgs
from components.aws.lifecycle import LifecycleRule, Transition
from components.aws.package import DependencyLayers, DependencyLayersArgs, FunctionCode
from components.aws.queue import DeadLetterQueue, DeadLetterQueueArgs, Queue, QueueArgs
from components.aws.table import TenantTable, TenantTableArgs
from components.aws.table_design import Attribute, Index, Key, TableDesign
from components.core.component import Component, Part
from components.core.errors import DeclarationError
from components.core.grants import Grant, build_policy_document, build_trust_policy
from components.core.scope import ResourceScope
from components.deploy.collection import ReleaseCollection, ReleaseCollectionArgs
from components.deploy.functions import DeployFunctionFactory
from components.deploy.pipeline import BuildPipeline, BuildPipelineArgs
from components.deploy.platform_api import PlatformApi, PlatformApiArgs
from components.deploy.store import DeployStore, DeployStoreArgs
from components.deploy.sweep import DeploymentSweep, DeploymentSweepArgs
from components.edge.shared_edge import SharedEdge, SharedEdgeArgs
from components.sites.site import ZeroDowntimeSite, ZeroDowntimeSiteArgs

__all__ = [
    "Attribute",
    "BuildPipeline",
    "BuildPipelineArgs",
    "Component",
    "CorsRule",
    "DeadLetterQueue",
    "DeadLetterQueueArgs",
    "DeclarationError",
    "DependencyLayers",
    "DependencyLayersArgs",
    "DeployFunctionFactory",
    "DeployStore",
    "DeployStoreArgs",
    "DeploymentSweep",
    "DeploymentSweepArgs",
    "EncryptionKey",
    "EncryptionKeyArgs",
    "FunctionCode",
    "Grant",
    "HttpApi",
    "HttpApiArgs",
    "Index",
    "Key",
    "LifecycleRule",
    "Part",
    "PlatformApi",
    "PlatformApiArgs",
    "PythonFunction",
    "PythonFunctionArgs",
    "Queue",
    "QueueArgs",
    "ReleaseCollection",
    "ReleaseCollectionArgs",
    "ResourceScope",
    "RetainedBucket",
    "RetainedBucketArgs",
    "SharedEdge",
    "SharedEdgeArgs",
    "StreamBatchSettings",
    "TableDesign",
    "TenantTable",
    "TenantTableArgs",
    "Transition",
    "UserIdentity",
    "ZeroDowntimeSite",
    "ZeroDowntimeSiteArgs",
    "build_policy_document",
    "build_trust_policy",
]
