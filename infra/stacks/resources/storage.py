"""The platform key, buckets, the idempotency table, parameters and log groups."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import ClientError

from infra.stacks.resource import DEFAULT_ACCOUNT, TAGS, Attributes, Context, is_missing, tag_list


@dataclass(frozen=True, slots=True)
class Key:
    """A customer key with rotation, under an alias."""

    address: str
    name: str
    alias: str
    needs: tuple[str, ...] = ()

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN, by its alias."""
        try:
            found = context.client("kms").describe_key(KeyId=self.alias)["KeyMetadata"]
        except ClientError as error:
            if is_missing(error, "NotFoundException"):
                return None
            raise
        return None if found["KeyState"] == "PendingDeletion" else self._attributes(found)

    def create(self, context: Context) -> Attributes:
        """Creates key and alias, and switches rotation on."""
        kms = context.client("kms")
        created = kms.create_key(Description=self.name, Tags=tag_list("TagKey", "TagValue", fp_resource="kms"))
        key_id = created["KeyMetadata"]["KeyId"]
        kms.enable_key_rotation(KeyId=key_id)
        kms.create_alias(AliasName=self.alias, TargetKeyId=key_id)
        return self._attributes(created["KeyMetadata"])

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Removes the alias and schedules the key's deletion in ten days."""
        kms = context.client("kms")
        kms.delete_alias(AliasName=self.alias)
        kms.schedule_key_deletion(KeyId=attributes["id"], PendingWindowInDays=10)

    def _attributes(self, found: dict[str, Any]) -> Attributes:
        return {"id": found["KeyId"], "arn": found["Arn"], "alias": self.alias}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A private, versioned, encrypted bucket; the evidence bucket also has Object Lock."""

    address: str
    name: str
    role: str
    key: str
    object_lock: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The key that encrypts it."""
        return (self.key,)

    def bucket(self, context: Context) -> str:
        """Its name: bucket names are global in the emulator, so worlds other than the first add their account."""
        if context.clients.substrate == "embedded" and context.account != DEFAULT_ACCOUNT:
            return f"{self.name}-{context.account}"
        return self.name

    def describe(self, context: Context) -> Attributes | None:
        """Its name."""
        try:
            context.client("s3").head_bucket(Bucket=self.bucket(context))
        except ClientError as error:
            if is_missing(error, "404", "NoSuchBucket"):
                return None
            raise
        return {"name": self.bucket(context)}

    def create(self, context: Context) -> Attributes:
        """Creates it with all its settings."""
        s3 = context.client("s3")
        name = self.bucket(context)
        s3.create_bucket(
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": context.region},
            ObjectLockEnabledForBucket=self.object_lock,
            ObjectOwnership="BucketOwnerEnforced",
        )
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        s3.put_bucket_encryption(
            Bucket=name,
            ServerSideEncryptionConfiguration={
                "Rules": [
                    {
                        "ApplyServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": context.of(self.key, "arn"),
                        },
                        "BucketKeyEnabled": True,
                    }
                ]
            },
        )
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(fp_resource=self.role)})
        return {"name": name}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it; one that holds anything stays, and S3 says BucketNotEmpty."""
        context.client("s3").delete_bucket(Bucket=attributes["name"])


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table with a string key and a TTL attribute."""

    address: str
    name: str
    hash_key: str
    ttl: str
    needs: tuple[str, ...] = ()

    def describe(self, context: Context) -> Attributes | None:
        """Its name and ARN."""
        try:
            found = context.client("dynamodb").describe_table(TableName=self.name)["Table"]
        except ClientError as error:
            if is_missing(error, "ResourceNotFoundException"):
                return None
            raise
        return {"name": self.name, "arn": found["TableArn"]}

    def create(self, context: Context) -> Attributes:
        """Creates it, paid per request, with TTL enabled."""
        dynamodb = context.client("dynamodb")
        created = dynamodb.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": self.hash_key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": self.hash_key, "AttributeType": "S"}],
            Tags=tag_list(fp_resource="ig_idempotency"),
        )["TableDescription"]
        dynamodb.update_time_to_live(
            TableName=self.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": self.ttl}
        )
        return {"name": self.name, "arn": created["TableArn"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("dynamodb").delete_table(TableName=attributes["name"])


@dataclass(frozen=True, slots=True)
class Parameter:
    """An SSM parameter.

    Its value is `value`, or `from_`, a pair of a resource's address and attribute, or, where neither is given, a
    random secret that is made once and never shown.
    """

    address: str
    path: str
    kind: Literal["String", "SecureString"]
    value: str | None = None
    from_: tuple[str, str] | None = None
    secret_bytes: int = 32

    @property
    def needs(self) -> tuple[str, ...]:
        """The resource that its value comes from."""
        return (self.from_[0],) if self.from_ is not None else ()

    def describe(self, context: Context) -> Attributes | None:
        """Its path; never its value."""
        answer = context.client("ssm").describe_parameters(
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [self.path]}]
        )
        return {"path": self.path} if answer["Parameters"] else None

    def create(self, context: Context) -> Attributes:
        """Creates it; one that is there is never overwritten."""
        value = self.value
        if self.from_ is not None:
            value = str(context.of(*self.from_))
        context.client("ssm").put_parameter(
            Name=self.path,
            Type=self.kind,
            Value=value or secrets.token_urlsafe(self.secret_bytes),
            Overwrite=False,
            Tags=tag_list(fp_resource="parameter"),
        )
        return {"path": self.path}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("ssm").delete_parameter(Name=attributes["path"])


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group with a retention."""

    address: str
    name: str
    retention_days: int
    needs: tuple[str, ...] = ()

    def describe(self, context: Context) -> Attributes | None:
        """Its name."""
        answer = context.client("logs").describe_log_groups(logGroupNamePrefix=self.name)
        found = [group for group in answer["logGroups"] if group["logGroupName"] == self.name]
        return {"name": self.name} if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it and sets its retention."""
        logs = context.client("logs")
        logs.create_log_group(logGroupName=self.name, tags={**TAGS, "fp_resource": "runtime_bootstrap"})
        logs.put_retention_policy(logGroupName=self.name, retentionInDays=self.retention_days)
        return {"name": self.name}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("logs").delete_log_group(logGroupName=attributes["name"])
