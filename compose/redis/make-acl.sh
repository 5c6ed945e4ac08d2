#!/bin/sh
# Makes the users of Redis, each with no more rights than it needs: `gateway`, `worker` and `producer` (a program that
# pushes jobs onto the lists itself), and `health`, which can do nothing but ping. Nobody else gets in.
#
#   SECRETS_DIR   holds a folder for each user; the password of one is made at the first start, as `password` in its
#                 folder, and kept. Each program mounts only its own folder.
#   ACL_FILE      what is written: the users with the hashes of their passwords, for Redis's `aclfile`.
#   NAMESPACE     as QUEUE_NAMESPACE has it; shards of it (`{gpt2:1}`) are meant, too.
set -eu
secrets=${SECRETS_DIR:-/secrets}
acl=${ACL_FILE:-/acl/users.acl}
namespace=${NAMESPACE:-gpt2}
case $namespace in
  *[!A-Za-z0-9_.:-]*) echo "make-acl: NAMESPACE may have letters, digits, and _ . : - only" >&2; exit 1 ;;
esac

# keys RIGHT NAME…: the key patterns of the queue and of its shards, and of no other queue whose name begins alike.
keys() {
  right=$1
  shift
  for name in "$@"; do printf ' %s{%s}:%s %s{%s:*}:%s' "$right" "$namespace" "$name" "$right" "$namespace" "$name"; done
}

hash_of() {
  file=$secrets/$1/password
  if [ ! -s "$file" ]; then
    mkdir -p "$secrets/$1"
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$file.new"
    chmod 444 "$file.new"
    mv "$file.new" "$file"
  fi
  printf %s "$(cat "$file")" | sha256sum | cut -d ' ' -f 1
}

session="+auth +hello +ping +info +time +role +cluster|slots +client|setname +eval +evalsha +script|load"
{
  # Nobody can be this user, but Redis itself is, when it reads its append-only file.
  echo "user default off resetpass ~* &* +@all"
  echo "user health on nopass resetkeys -@all +auth +ping"
  echo "user gateway on #$(hash_of gateway) resetkeys" \
    "$(keys '~' 'q:*' 'job:*' 'res:*' 'cxl:*' 'inbox:*' 'reply:*' 'rate:*' workers stats pace probe paused dead)" \
    "$(keys '%R~' 'proc:*' 'winfo:*')" \
    "-@all $session +get +mget +set +del +exists +hget +hmget +hset +hdel +hgetall +hincrby +llen +lindex +lrange" \
    "+lpush +rpush +lrem +xadd +xread +pexpire +zcount +zrange"
  echo "user worker on #$(hash_of worker) resetkeys $(keys '~' '*')" \
    "-@all $session +get +set +del +exists +hget +hmget +hset +hdel +hincrby +llen +lpos +lrange +lpush +ltrim" \
    "+rpush +lrem +lmove +blmove +xadd +pexpire +zadd +zscore +zrange +zrem"
  echo "user producer on #$(hash_of producer) resetkeys" \
    "$(keys '%W~' 'q:*')$(keys '%R~' 'res:*')$(keys '~' 'reply:*')" \
    "-@all +auth +hello +ping +lpush +get +blpop" \
    "(-@all +xread$(keys '%R~' 'inbox:producer:*'))" \
    "(-@all +set$(keys '%W~' 'cxl:*'))"
} > "$acl.new"
chmod 444 "$acl.new"
mv "$acl.new" "$acl"
