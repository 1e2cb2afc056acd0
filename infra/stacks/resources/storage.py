"""The platform key, buckets and the idempotency table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from infra.names import DEFAULT_ACCOUNT
from infra.stacks.resource import Attributes, Context, Resource, Settings, is_missing, tags_for
from infra.stacks.resources.tagging import KEY_TAGS, TABLE_TAGS

DELETION_WINDOW_DAYS = 10


@dataclass(frozen=True, slots=True)
class Key(Resource):
    """A customer key with rotation, under an alias."""

    name: str
    alias: str

    def describe(self, context: Context) -> Attributes | None:
        """Its id and ARN, by its alias; one that waits for its deletion is gone."""
        try:
            found = context.client("kms").describe_key(KeyId=self.alias)["KeyMetadata"]
        except ClientError as error:
            if is_missing(error, "NotFoundException"):
                return None
            raise
        return None if found["KeyState"] == "PendingDeletion" else self._attributes(found)

    def create(self, context: Context) -> Attributes:
        """Creates it, gives it the alias at once, since that is how it is found again, and switches rotation on."""
        kms = context.client("kms")
        created = kms.create_key(Description=self.name, Tags=KEY_TAGS.shape(tags_for("kms")))["KeyMetadata"]
        try:
            kms.create_alias(AliasName=self.alias, TargetKeyId=created["KeyId"])
        except ClientError as error:
            if not is_missing(error, "AlreadyExistsException"):
                raise
            # A teardown that was cut short left the alias on a key that waits for its deletion.
            kms.update_alias(AliasName=self.alias, TargetKeyId=created["KeyId"])
        kms.enable_key_rotation(KeyId=created["KeyId"])
        return self._attributes(created)

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Schedules the key's deletion, then removes the alias: cut short, it leaves no key that costs."""
        kms = context.client("kms")
        kms.schedule_key_deletion(KeyId=attributes["id"], PendingWindowInDays=DELETION_WINDOW_DAYS)
        kms.delete_alias(AliasName=self.alias)

    def wanted(self, context: Context) -> Settings:
        """Enabled, rotated, tagged."""
        del context
        return {"state": "Enabled", "rotation": True, "tags": tags_for("kms")}

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """State, rotation and tags."""
        kms = context.client("kms")
        return {
            "state": kms.describe_key(KeyId=attributes["id"])["KeyMetadata"]["KeyState"],
            "rotation": kms.get_key_rotation_status(KeyId=attributes["id"])["KeyRotationEnabled"],
            "tags": KEY_TAGS.found(context, attributes["id"], tags_for("kms")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Enables it and its rotation, and tags it."""
        kms = context.client("kms")
        if "state" in names:
            kms.enable_key(KeyId=attributes["id"])
        if "rotation" in names:
            kms.enable_key_rotation(KeyId=attributes["id"])
        if "tags" in names:
            KEY_TAGS.put(context, attributes["id"], tags_for("kms"))

    def _attributes(self, found: dict[str, Any]) -> Attributes:
        return {"id": found["KeyId"], "arn": found["Arn"], "alias": self.alias}


@dataclass(frozen=True, slots=True)
class Bucket(Resource):
    """A private, versioned, encrypted bucket; the evidence bucket also has Object Lock.

    Attributes:
        name: Its name in the account 000000000000.
        role: What it holds.
        key: Address of the key that encrypts it.
        object_lock: Whether its objects can be locked; chosen when it is created.
    """

    name: str
    role: str
    key: str
    object_lock: bool = False

    fixed: ClassVar[tuple[str, ...]] = ("object_lock",)

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
        name = self.bucket(context)
        context.client("s3").create_bucket(
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": context.region},
            ObjectLockEnabledForBucket=self.object_lock,
            ObjectOwnership="BucketOwnerEnforced",
        )
        self.put(context, {"name": name}, ("versioning", "public_access_block", "encryption", "tags"))
        return {"name": name}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it; one that holds anything stays, and S3 says BucketNotEmpty."""
        context.client("s3").delete_bucket(Bucket=attributes["name"])

    def wanted(self, context: Context) -> Settings:
        """Private, versioned, encrypted by the platform's key, owned by the account alone."""
        return {
            "versioning": "Enabled",
            "public_access_block": {
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
            "encryption": {
                "ApplyServerSideEncryptionByDefault": {
                    "SSEAlgorithm": "aws:kms",
                    "KMSMasterKeyID": context.of(self.key, "arn"),
                },
                "BucketKeyEnabled": True,
            },
            "ownership": ["BucketOwnerEnforced"],
            "object_lock": self.object_lock,
            "tags": tags_for(self.role),
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """The same settings as they are."""
        name = attributes["name"]
        access = _optional(context, "get_public_access_block", name, "NoSuchPublicAccessBlockConfiguration")
        encryption = _optional(context, "get_bucket_encryption", name, "ServerSideEncryptionConfigurationNotFoundError")
        rules = encryption.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
        ownership = _optional(context, "get_bucket_ownership_controls", name, "OwnershipControlsNotFoundError")
        lock = _optional(context, "get_object_lock_configuration", name, "ObjectLockConfigurationNotFoundError")
        tags = {tag["Key"]: tag["Value"] for tag in self._tag_set(context, name)}
        return {
            "versioning": context.client("s3").get_bucket_versioning(Bucket=name).get("Status"),
            "public_access_block": access.get("PublicAccessBlockConfiguration"),
            "encryption": rules[0] if len(rules) == 1 else list(rules),
            "ownership": [rule["ObjectOwnership"] for rule in ownership.get("OwnershipControls", {}).get("Rules", ())],
            "object_lock": lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled",
            "tags": {key: tags.get(key) for key in tags_for(self.role)},
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts each of the named settings."""
        s3 = context.client("s3")
        name = attributes["name"]
        wanted = self.wanted(context)
        if "versioning" in names:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": wanted["versioning"]})
        if "public_access_block" in names:
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=wanted["public_access_block"])
        if "encryption" in names:
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [wanted["encryption"]]})
        if "ownership" in names:
            rules = [{"ObjectOwnership": rule} for rule in wanted["ownership"]]
            s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": rules})
        if "tags" in names:
            # S3 replaces the whole set, so tags of others are read first and kept.
            kept = [tag for tag in self._tag_set(context, name) if tag["Key"] not in wanted["tags"]]
            own = [{"Key": key, "Value": value} for key, value in wanted["tags"].items()]
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [*kept, *own]})

    def _tag_set(self, context: Context, name: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = _optional(context, "get_bucket_tagging", name, "NoSuchTagSet").get("TagSet", [])
        return found


@dataclass(frozen=True, slots=True)
class Table(Resource):
    """A DynamoDB table with a string key and a TTL attribute."""

    name: str
    hash_key: str
    ttl: str

    fixed: ClassVar[tuple[str, ...]] = ("hash_key",)

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
        created = context.client("dynamodb").create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": self.hash_key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": self.hash_key, "AttributeType": "S"}],
            Tags=TABLE_TAGS.shape(tags_for("ig_idempotency")),
        )
        attributes = {"name": self.name, "arn": created["TableDescription"]["TableArn"]}
        self.put(context, attributes, ("ttl",))
        return attributes

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("dynamodb").delete_table(TableName=attributes["name"])

    def wanted(self, context: Context) -> Settings:
        """Paid per request, one string key, TTL enabled."""
        del context
        return {
            "billing": "PAY_PER_REQUEST",
            "hash_key": [(self.hash_key, "HASH", "S")],
            "ttl": ("ENABLED", self.ttl),
            "tags": tags_for("ig_idempotency"),
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Billing, key, TTL and tags."""
        dynamodb = context.client("dynamodb")
        table = dynamodb.describe_table(TableName=self.name)["Table"]
        kinds = {item["AttributeName"]: item["AttributeType"] for item in table["AttributeDefinitions"]}
        ttl = dynamodb.describe_time_to_live(TableName=self.name)["TimeToLiveDescription"]
        return {
            "billing": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "hash_key": [
                (item["AttributeName"], item["KeyType"], kinds[item["AttributeName"]]) for item in table["KeySchema"]
            ],
            "ttl": (ttl["TimeToLiveStatus"], ttl.get("AttributeName")),
            "tags": TABLE_TAGS.found(context, attributes["arn"], tags_for("ig_idempotency")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts billing, TTL and tags."""
        dynamodb = context.client("dynamodb")
        if "billing" in names:
            dynamodb.update_table(TableName=self.name, BillingMode="PAY_PER_REQUEST")
        if "ttl" in names:
            dynamodb.update_time_to_live(
                TableName=self.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": self.ttl}
            )
        if "tags" in names:
            TABLE_TAGS.put(context, attributes["arn"], tags_for("ig_idempotency"))


def _optional(context: Context, operation: str, bucket: str, absent: str) -> dict[str, Any]:
    """What S3 says of a bucket; nothing where it answers that this was never configured."""
    try:
        answer: dict[str, Any] = getattr(context.client("s3"), operation)(Bucket=bucket)
    except ClientError as error:
        if is_missing(error, absent):
            return {}
        raise
    return answer
